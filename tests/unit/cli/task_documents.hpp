// What a control plane says of tasks, for the tests of the commands that ask.
#pragma once

#include <string>

namespace skep::cli {

inline constexpr const char* kExplained =
    R"({"status":"queued","summary":"task t1 is queued for 4s; it can run on 0 of 0 workers",)"
    R"("next":"skep up"})";
inline constexpr const char* kQueued = R"({"id":"t1","type":"execute_script","status":"queued"})";

inline std::string ended(const std::string& status, const std::string& rest) {
  return R"({"id":"t1","type":"execute_script","status":")" + status +
         R"(","worker_id":"w1","attempt":1,"max_attempts":5,"duration_ms":1240,)" + rest + "}";
}

inline constexpr const char* kTypes = R"({"items":[
  {"name":"collect_facts","version":"1.0.0","description":"Facts of a machine.","params_schema":{}},
  {"name":"execute_script","version":"1.2.0","description":"Runs a script.","params_schema":
   {"type":"object","properties":{"script":{"type":"string"}}}}]})";

}  // namespace skep::cli
