#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "document.hpp"
#include "read.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/unit/proc/support.hpp"

namespace skep {
namespace {

using test::FakeHost;
using test::TaskRun;

const std::string kManifest = SKEP_PLUGIN_DIR "/plugin.json";

/// With the time that a group has on the busiest machine.
TaskRun collect(const std::string& members = "") {
  FakeHost host(skep_plugin_entry_v1(), kManifest);
  return host.run("{\"timeout_seconds\":300" + (members.empty() ? "" : "," + members) + "}");
}

/// One group of this machine; its collector must have ended well.
Json group(const std::string& name) {
  const TaskRun r = collect("\"groups\":[\"" + name + "\"]");
  EXPECT_EQ(r.rc, SKEP_OK) << r.message;
  const Json document = r.json();
  EXPECT_EQ(document["facts"].members().size(), 1u);
  EXPECT_EQ(document["collectors"].items().at(0)["status"].str(), "ok")
      << document["collectors"].dump();
  return document["facts"][name];
}

/// What a shell command prints, without the line's end.
std::string ask(const std::string& command) {
  proc::Captured got;
  EXPECT_TRUE(proc::run(proc::shell(command), -1, 0, got.sink()));
  return std::string(facts::trim(got.out));
}

TEST(CollectFacts, runs_every_collector_of_the_schema_well_and_has_sixty_facts_and_more) {
  const Json document = collect().json();
  std::set<std::string> names;
  for (const Json& row : document["collectors"].items()) {
    EXPECT_EQ(row["status"].str(), "ok") << row.dump();
    EXPECT_TRUE(row["error"].is_null());
    EXPECT_GE(row["ms"].number(-1), 0);
    names.insert(std::string(row["name"].str()));
  }
  EXPECT_EQ(names.size(), 17u);
  EXPECT_EQ(document["facts"].members().size(), names.size());
  EXPECT_GE(document["units"].members().size(), 60u);
  EXPECT_GE(document["fact_count"].integer(), 60);
  EXPECT_EQ(document["fact_count"].integer(), facts::count_leaves(document["facts"]));
  EXPECT_TRUE(std::regex_match(std::string(document["collected_at"].str()),
                               std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ")));
}

TEST(CollectFacts, explains_every_member_by_type_and_unit) {
  const Json document = collect().json();
  const Json& units = document["units"];
  EXPECT_EQ(units["memory.total_bytes"].dump(), R"({"type":"integer","unit":"bytes"})");
  EXPECT_EQ(units["uptime.seconds"].dump(), R"({"type":"integer","unit":"seconds"})");
  EXPECT_EQ(units["os.hostname"].dump(), R"({"type":"string","unit":null})");
  EXPECT_EQ(units["mounts.mounts[].point"]["type"].str(), "string");
  EXPECT_EQ(units["load.one_minute"]["type"].str().empty(), false);
  for (const auto& [path, entry] : units.members())
    if (path.ends_with("_bytes")) {
      EXPECT_EQ(entry["type"].str(), "integer") << path;
    }
}

TEST(CollectFacts, collects_only_the_groups_that_are_wanted) {
  const Json document = collect(R"("groups":["load","os"])").json();
  ASSERT_EQ(document["facts"].members().size(), 2u);
  EXPECT_EQ(document["collectors"].items().size(), 2u);
  EXPECT_THROW(collect(R"("groups":["weather"])"), std::runtime_error);
}

TEST(CollectFacts, is_cancelled_between_groups) {
  FakeHost host(skep_plugin_entry_v1(), kManifest);
  host.cancel();
  const TaskRun r = host.run("{}");
  EXPECT_EQ(r.rc, SKEP_E_CANCELLED);
  EXPECT_NE(r.message.find("cancelled"), std::string::npos);
}

TEST(CollectFacts, os_agrees_with_uname_and_the_release_file) {
  const Json os = group("os");
  utsname names{};
  ASSERT_EQ(uname(&names), 0);
  EXPECT_EQ(os["architecture"].str(), names.machine);
  EXPECT_EQ(os["hostname"].str(), names.nodename);
  EXPECT_EQ(os["id"].str(), ask(". /etc/os-release; echo $ID"));
  EXPECT_EQ(os["pretty_name"].str(), ask(". /etc/os-release; echo $PRETTY_NAME"));
  EXPECT_EQ(os["boot_id"].str().size(), 36u);
}

TEST(CollectFacts, kernel_agrees_with_uname) {
  const Json kernel = group("kernel");
  EXPECT_EQ(kernel["release"].str(), ask("uname -r"));
  EXPECT_EQ(kernel["version"].str(), ask("uname -v"));
  EXPECT_FALSE(kernel["command_line"].str().empty());
  EXPECT_GE(kernel["module_count"].integer(-1), 0);
}

TEST(CollectFacts, cpu_counts_what_the_c_library_counts) {
  const Json cpu = group("cpu");
  EXPECT_EQ(cpu["logical_count"].integer(), get_nprocs());
  EXPECT_LE(cpu["core_count"].integer(0), cpu["logical_count"].integer());
  EXPECT_FALSE(cpu["model"].str().empty());
}

TEST(CollectFacts, memory_agrees_with_sysinfo) {
  const Json memory = group("memory");
  struct sysinfo info {};
  ASSERT_EQ(sysinfo(&info), 0);
  EXPECT_EQ(memory["total_bytes"].integer(),
            static_cast<std::int64_t>(info.totalram * info.mem_unit));
  EXPECT_EQ(memory["swap_total_bytes"].integer(-1),
            static_cast<std::int64_t>(info.totalswap * info.mem_unit));
  EXPECT_GT(memory["available_bytes"].integer(), 0);
  EXPECT_LT(memory["available_bytes"].integer(), memory["total_bytes"].integer());
  EXPECT_EQ(memory["used_bytes"].integer(),
            memory["total_bytes"].integer() - memory["available_bytes"].integer());
}

TEST(CollectFacts, disks_agree_with_sysfs) {
  const Json disks = group("disks");
  for (const Json& disk : disks["devices"].items()) {
    const std::string name(disk["name"].str());
    EXPECT_EQ(disk["size_bytes"].integer(),
              std::atoll(ask("cat /sys/block/" + name + "/size").c_str()) * 512)
        << name;
  }
  EXPECT_EQ(disks["device_count"].integer(-1),
            static_cast<std::int64_t>(disks["devices"].items().size()));
}

TEST(CollectFacts, mounts_have_the_sizes_that_statvfs_tells) {
  const Json mounts = group("mounts");
  bool seen_root = false;
  for (const Json& mount : mounts["mounts"].items()) {
    if (mount["point"].str() != "/") continue;
    seen_root = true;
    struct statvfs s {};
    ASSERT_EQ(statvfs("/", &s), 0);
    EXPECT_EQ(mount["total_bytes"].integer(), static_cast<std::int64_t>(s.f_blocks * s.f_frsize));
    EXPECT_EQ(mount["inode_count"].integer(), static_cast<std::int64_t>(s.f_files));
    EXPECT_LE(mount["available_bytes"].integer(), mount["free_bytes"].integer());
    const std::string percent = ask("df --output=pcent / | tail -1 | tr -d ' %'");
    EXPECT_NEAR(mount["used_percent"].number(), std::atof(percent.c_str()), 1.5);
  }
  EXPECT_TRUE(seen_root);
}

TEST(CollectFacts, network_has_the_loopback_and_its_address) {
  const Json network = group("network");
  bool seen = false;
  for (const Json& interface : network["interfaces"].items()) {
    if (interface["name"].str() != "lo") continue;
    seen = true;
    EXPECT_EQ(interface["mtu_bytes"].integer(),
              std::atoi(ask("cat /sys/class/net/lo/mtu").c_str()));
    const auto& addresses = interface["addresses"].items();
    EXPECT_TRUE(std::any_of(addresses.begin(), addresses.end(),
                            [](const Json& a) { return a.str() == "127.0.0.1/8"; }));
  }
  EXPECT_TRUE(seen);
  EXPECT_EQ(
      network["dns_servers"].items().size(),
      static_cast<std::size_t>(std::atoi(ask("grep -c ^nameserver /etc/resolv.conf").c_str())));
}

TEST(CollectFacts, processes_count_this_test_and_its_threads) {
  std::jthread thread([](std::stop_token stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  const Json processes = group("processes");
  EXPECT_GE(processes["total_count"].integer(), 1);
  EXPECT_GE(processes["running_count"].integer(), 1);
  EXPECT_GT(processes["thread_count"].integer(), processes["total_count"].integer());
  const auto& top = processes["top_by_rss"].items();
  ASSERT_FALSE(top.empty());
  EXPECT_TRUE(std::is_sorted(top.begin(), top.end(), [](const Json& a, const Json& b) {
    return a["rss_bytes"].integer() > b["rss_bytes"].integer();
  }));
}

TEST(CollectFacts, users_are_those_of_the_password_file) {
  const Json users = group("users");
  EXPECT_EQ(users["account_count"].integer(), std::atoi(ask("grep -c : /etc/passwd").c_str()));
  const auto& logins = users["login_accounts"].items();
  const auto root = std::find_if(logins.begin(), logins.end(),
                                 [](const Json& user) { return user["name"].str() == "root"; });
  ASSERT_NE(root, logins.end());
  EXPECT_EQ((*root)["uid"].integer(-1), 0);
}

TEST(CollectFacts, uptime_and_load_agree_with_the_kernel) {
  struct sysinfo before {};
  struct sysinfo after {};
  double load_before[3] = {};
  double load_after[3] = {};
  ASSERT_EQ(sysinfo(&before), 0);
  ASSERT_EQ(getloadavg(load_before, 3), 3);
  const auto uptime = group("uptime")["seconds"].integer();
  const double load = group("load")["fifteen_minutes"].number(-1);
  ASSERT_EQ(getloadavg(load_after, 3), 3);
  ASSERT_EQ(sysinfo(&after), 0);
  EXPECT_GE(uptime, before.uptime - 1);
  EXPECT_LE(uptime, after.uptime + 1);
  EXPECT_GE(load, std::min(load_before[2], load_after[2]) - 0.1);
  EXPECT_LE(load, std::max(load_before[2], load_after[2]) + 0.1);
}

TEST(CollectFacts, packages_agree_with_the_package_manager) {
  const Json packages = group("packages");
  if (packages["manager"].str() != "dpkg") GTEST_SKIP() << "no dpkg here";
  EXPECT_EQ(
      packages["installed_count"].integer(),
      std::atoi(ask("dpkg-query -f '${db:Status-Status}\\n' -W | grep -cx installed").c_str()));
}

TEST(CollectFacts, virtualization_says_yes_or_no_and_by_whom) {
  const Json v = group("virtualization");
  EXPECT_EQ(v["is_container"].boolean(), !v["container"].is_null());
  EXPECT_EQ(v["is_virtual_machine"].boolean(), !v["hypervisor"].is_null());
}

TEST(CollectFacts, limits_entropy_security_and_time_agree_with_proc) {
  const Json limits = group("limits");
  EXPECT_EQ(limits["pid_limit"].integer(), std::atoll(ask("cat /proc/sys/kernel/pid_max").c_str()));
  EXPECT_GT(limits["open_file_count"].integer(), 0);
  EXPECT_GT(group("entropy")["available_bits"].integer(), 0);
  EXPECT_EQ(group("security")["address_randomization"].integer(-1),
            std::atoi(ask("cat /proc/sys/kernel/randomize_va_space").c_str()));
  const Json time = group("time");
  EXPECT_FALSE(time["utc"].str().empty());
  EXPECT_EQ(time["utc_offset_seconds"].integer(-1) % 900, 0);
}

// Larger than a block, with a text across each end of one.
TEST(Read, counts_in_a_file_of_any_size) {
  const proc::TempDir dir;
  const std::string file = dir.file("status");
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "Status: install ok installed\n";
  std::ofstream(file) << text;
  EXPECT_EQ(facts::count_in_file(file, " ok installed\n"), 20'000);
  EXPECT_EQ(facts::count_in_file(file, "\nStatus"), 20'000);
  std::ofstream(dir.file("empty")).flush();
  EXPECT_EQ(facts::count_in_file(dir.file("empty"), "x"), std::nullopt);
  EXPECT_EQ(facts::count_in_file(dir.file("none"), "x"), std::nullopt);
}

TEST(Read, counts_again_only_when_the_file_changed) {
  const proc::TempDir dir;
  const std::string file = dir.file("status");
  std::ofstream(file) << "xx";
  struct stat before {};
  ASSERT_EQ(stat(file.c_str(), &before), 0);
  EXPECT_EQ(facts::count_in_file(file, "x"), 2);
  std::ofstream(file) << "x.";
  const timespec times[] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_EQ(facts::count_in_file(file, "x"), 2) << "it was read again";
  std::ofstream(file, std::ios::app) << "x";
  EXPECT_EQ(facts::count_in_file(file, "x"), 2);
  std::ofstream(file, std::ios::app) << "x";
  EXPECT_EQ(facts::count_in_file(file, "x"), 3);
}

TEST(Document, counts_leaves_and_mixes_types_in_lists) {
  const Json json =
      Json::parse(R"({"a":{"x_bytes":1,"y":null},"l":[1,0.5],"m":[{"n":"s"},{"n":"t"}]})");
  EXPECT_EQ(facts::count_leaves(json), 5);
  const Json units = facts::describe(json);
  EXPECT_EQ(units.members().size(), 3u);
  EXPECT_EQ(units["a.x_bytes"]["unit"].str(), "bytes");
  EXPECT_EQ(units["l[]"]["type"].str(), "number");
  EXPECT_EQ(units["m[].n"]["type"].str(), "string");
}

TEST(Read, takes_text_apart) {
  EXPECT_EQ(facts::words("  a\tbb  c\n").size(), 3u);
  EXPECT_EQ(facts::lines("a\n\nb").size(), 3u);
  EXPECT_EQ(facts::lines("").size(), 0u);
  EXPECT_EQ(facts::trim(" \n x y \t"), "x y");
  EXPECT_EQ(facts::integer("12kB"), 12);
  EXPECT_EQ(facts::integer("x"), std::nullopt);
  EXPECT_EQ(facts::slurp("/no/such/file"), "");
  EXPECT_EQ(facts::iso_time(0), "1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace skep
