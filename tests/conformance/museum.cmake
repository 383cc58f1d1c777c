skep_test(museum_test LABEL conformance SOURCES museum_test.cpp DEPENDS test_support plugin)
add_dependencies(museum_test skep_fixtures)
