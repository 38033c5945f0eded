# Writes SHA256SUMS beside the installed libraries (ours and those laid there before): whoever unpacks them elsewhere can tell a damaged file.

function(adaspec_install_hash_list)
    install(CODE [=[
        # Absolute, or the names are looked for in another place than they are.
        get_filename_component(folder "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}" ABSOLUTE)
        file(GLOB libraries RELATIVE "${folder}" "${folder}/*.so" "${folder}/*.so.*")
        if(NOT libraries)
            message(FATAL_ERROR "no library was installed to ${folder}")
        endif()
        list(SORT libraries)
        set(lines "")
        foreach(library IN LISTS libraries)
            file(SHA256 "${folder}/${library}" hash)
            string(APPEND lines "${hash}  ${library}\n")
        endforeach()
        file(WRITE "${folder}/SHA256SUMS" "${lines}")
    ]=])
endfunction()
