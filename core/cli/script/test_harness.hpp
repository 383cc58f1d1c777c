// What runs NAME_test.lua.
#pragma once

namespace skep::cli {

/// A Lua task that runs the tests of another one; its parameters are
/// {"script","script_file","test","test_file","schema"}, its result {"passed","failed"}, its output
/// TAP.
extern const char* const kTestHarness;

}  // namespace skep::cli
