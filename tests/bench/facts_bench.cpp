// What collecting every fact of this machine costs: of the processor and by the clock, the first
// time and the fastest of the next; and the packages of a machine that has 20,000.
#include <cstdio>
#include <ctime>
#include <fstream>

#include "read.hpp"
#include "tests/bench/measure.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

void all_facts() {
  skep::test::FakeHost host(skep_plugin_entry_v1(), SKEP_PLUGIN_DIR "/plugin.json");
  double best = 1e9;
  for (int i = 0; i <= 5; ++i) {
    const double before = cpu_ms();
    const double wall = skep::bench::micros([&] { host.run("{}"); }) / 1e3;
    if (i == 0) std::printf("bench collect_facts_first %.1f ms\n", wall);
    if (i > 0) best = std::min(best, cpu_ms() - before);
  }
  std::printf("bench collect_facts_cpu %.1f ms\n", best);
}

void packages() {
  const skep::test::TempDir dir;
  const std::string file = dir.file("status");
  std::ofstream out(file);
  for (int i = 0; i < 20'000; ++i)
    out << "Package: p" << i << "\nStatus: install ok installed\n"
        << std::string(900, 'd') << "\n\n";
  out.close();
  const double us =
      skep::bench::micros([&] { skep::facts::count_in_file(file, " ok installed\n"); });
  std::printf("bench count_20000_packages %.1f ms\n", us / 1e3);
}

}  // namespace

int main() {
  all_facts();
  packages();
  return 0;
}
