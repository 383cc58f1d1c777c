// The command line of the one binary.
#pragma once

namespace skep::cli {

/// Runs one command; returns the exit code of the process. Uses this process's standard streams,
/// environment and signals; call once, from main().
int main(int argc, char** argv);

}  // namespace skep::cli
