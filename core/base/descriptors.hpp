// Whether this process can still open files and connections.
#pragma once

#include <string>

namespace skep {

/// "" or that the process has hardly a descriptor left. Asks the kernel alone, no disk. [any]
std::string descriptor_trouble();

}  // namespace skep
