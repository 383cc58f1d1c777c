// Compiled for the headers that the libraries share; see skep_shared_headers.
