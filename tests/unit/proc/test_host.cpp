// A host that the tests may kill: runs argv[1] children at once, each `sh -c argv[2]`, until it is
// killed or they end; with a third argument it holds that many MiB of memory.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/proc/subprocess.hpp"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int count = std::atoi(argv[1]);
  std::vector<char> ballast(argc > 3 ? static_cast<std::size_t>(std::atoi(argv[3])) << 20 : 0, 'x');
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      skep::proc::Spec spec;
      spec.argv = {"sh", "-c", argv[2]};
      spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin"};
      const auto exit = skep::proc::run(spec, -1, 0, [](bool, std::string_view bytes) {
        std::fwrite(bytes.data(), 1, bytes.size(), stdout);
        std::fflush(stdout);
        return true;
      });
      if (exit) std::printf("rss %lld\n", static_cast<long long>(exit->max_rss_bytes));
    });
  }
}
