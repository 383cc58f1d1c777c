// packages
#include "collectors.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

bool has_rpm_database() {
  for (const char* file : {"/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite",
                           "/var/lib/rpm/Packages", "/usr/lib/sysimage/rpm/Packages.db"})
    if (exists(file)) return true;
  return false;
}

}  // namespace

void collect_packages(Json& out, const Context& context) {
  if (const auto dpkg = count_in_file("/var/lib/dpkg/status", " ok installed\n")) {
    out.set("manager", "dpkg").set("installed_count", *dpkg);
  } else if (const auto apk = count_in_file("/lib/apk/db/installed", "\nP:")) {
    out.set("manager", "apk").set("installed_count", *apk);
  } else if (exists("/var/lib/pacman/local")) {
    // One folder each, beside the file ALPM_DB_VERSION.
    const auto names = names_in("/var/lib/pacman/local");
    out.set("manager", "pacman")
        .set("installed_count", static_cast<std::int64_t>(names.size()) - 1);
  } else if (has_rpm_database()) {
    out.set("manager", "rpm");
    const std::string argv[] = {"rpm", "-qa", "--qf", "."};
    const Context::Answer answer = context.ask(argv);
    if (!answer.in_time) throw OutOfTime("rpm -qa ran out of time");
    if (!answer.ok) throw std::runtime_error("rpm -qa failed");
    out.set("installed_count", static_cast<std::int64_t>(answer.out.size()));
  }
}

}  // namespace skep::facts
