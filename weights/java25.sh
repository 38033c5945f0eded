# For scripts that source it: java25 runs a JDK 25. The generator and the grader are classes of the jar and no commands, so no launcher finds one for them.
java25() {
    local home
    for home in "${ADASPEC_JAVA_HOME:-}" "${JAVA_HOME:-}" /usr/lib/jvm/*; do
        if grep -qs '^JAVA_VERSION="\(2[5-9]\|[3-9][0-9]\)' "$home/release"; then
            "$home/bin/java" "$@"
            return
        fi
    done
    java "$@"
}
