// Parts of a test that happen in a child of its process: to be killed, or to lose its disk. [main]:
// before the test has started a thread.
#pragma once

#include <functional>
#include <memory>

namespace skep::conformance {

/// Runs `body` in a child, which keeps what it returns, and kills the child. Throws the Broken or
/// Skipped that the body ended with.
void killed_after(const std::function<std::shared_ptr<void>()>& body);
/// Runs `body` in a child to its end. Throws as killed_after() does.
void apart(const std::function<void()>& body);
/// From now on nothing that this process wrote can be made durable: fsync() and all others of its
/// kind fail with EIO. False when the kernel does not allow that.
bool fail_syncs();

}  // namespace skep::conformance
