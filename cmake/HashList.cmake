# Writes SHA256SUMS beside the installed libraries (ours and those laid there before): whoever unpacks them elsewhere can tell a damaged file.

function(adaspec_install_hash_list)
    install(CODE [=[
        set(folder "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
        file(GLOB libraries RELATIVE "${folder}" "${folder}/*.so" "${folder}/*.so.*")
        list(SORT libraries)
        set(lines "")
        foreach(library IN LISTS libraries)
            file(SHA256 "${folder}/${library}" hash)
            string(APPEND lines "${hash}  ${library}\n")
        endforeach()
        file(WRITE "${folder}/SHA256SUMS" "${lines}")
    ]=])
endfunction()
