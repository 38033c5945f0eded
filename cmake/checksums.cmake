# Writes DIRECTORY/SHA256SUMS over the shared libraries there, by which the jar's reader checks what it unpacks.
# cmake -DDIRECTORY=.. -P checksums.cmake
cmake_policy(VERSION 3.20)
file(GLOB libraries LIST_DIRECTORIES false RELATIVE "${DIRECTORY}" "${DIRECTORY}/*.so" "${DIRECTORY}/*.so.*")
list(SORT libraries)
set(lines "")
foreach(library IN LISTS libraries)
  file(SHA256 "${DIRECTORY}/${library}" hash)
  string(APPEND lines "${hash}  ${library}\n")
endforeach()
file(CONFIGURE OUTPUT "${DIRECTORY}/SHA256SUMS" CONTENT "@lines@" @ONLY)
