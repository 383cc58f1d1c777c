// plugin_check NAME.so: the conformance kit as `skep plugin check` runs it, with all the time that
// a test may take on a busy machine, and without the rest of the program.
#include <iostream>
#include <string_view>

#include "core/conformance/check.hpp"
#include "core/conformance/report.hpp"

namespace {

using namespace skep;

constexpr const char* kChild = "--child";

int check(conformance::CheckOptions options) {
  options.timeout = Millis{600'000};
  options.child = {"/proc/self/exe", kChild};
  conformance::TapReport tap(std::cout, "skep plugin check " + options.file);
  const auto found = conformance::check(
      options, {[&](std::size_t tests) { tap.plan(tests); },
                [&](const conformance::Finding& finding) { tap.finding(finding); }});
  if (found) return conformance::count(*found, conformance::TestStatus::kBroken) == 0 ? 0 : 1;
  std::cerr << found.error().message << '\n';
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  conformance::CheckOptions options;
  if (argc == 2) {
    options.file = argv[1];
    return check(std::move(options));
  }
  if (argc < 4 || argv[1] != std::string_view(kChild)) return 2;
  options.file = argv[2];
  conformance::run_child(options, argv[3], argc > 4 ? argv[4] : "");
}
