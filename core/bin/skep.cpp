#include "core/cli/main.hpp"

int main(int argc, char** argv) { return skep::cli::main(argc, argv); }
