# For scripts that source it, at the root: test_classpath prints the class path of the compiled tests, with the libraries they need.
test_classpath() {
    if [ ! -f target/test.classpath ] || [ pom.xml -nt target/test.classpath ]; then
        mvn -q dependency:build-classpath -Dmdep.outputFile=target/test.classpath -Dmdep.includeScope=test >&2
    fi
    echo "target/test-classes:target/classes:$(cat target/test.classpath)"
}
