// Compiled for the headers that the test programs share; see skep_test_headers.
