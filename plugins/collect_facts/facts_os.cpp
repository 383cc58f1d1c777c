// os, users, time
#include <pwd.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <utmpx.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "collectors.hpp"
#include "os_release.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

void put_release(Json& out) {
  const std::string file = exists("/etc/os-release") ? "/etc/os-release" : "/usr/lib/os-release";
  const std::string text = slurp(file);
  constexpr std::pair<std::string_view, const char*> kNames[] = {{"ID", "id"},
                                                                 {"ID_LIKE", "id_like"},
                                                                 {"NAME", "name"},
                                                                 {"VERSION", "version"},
                                                                 {"VERSION_ID", "version_id"},
                                                                 {"VERSION_CODENAME", "codename"},
                                                                 {"VARIANT_ID", "variant"},
                                                                 {"PRETTY_NAME", "pretty_name"}};
  const auto all = read_os_release(text);
  for (const auto& [key, name] : kNames)
    for (const auto& [k, v] : all)
      if (k == key) put(out, name, v);
}

/// Without a resolver: it may ask a dead name server for minutes.
std::string full_name(const std::string& host) {
  if (host.find('.') != std::string::npos) return host;
  const std::string hosts = slurp("/etc/hosts");
  for (const std::string_view line : lines(hosts))
    for (const std::string_view word : words(line.substr(0, line.find('#'))))
      if (word.starts_with(host + ".")) return std::string(word);
  return {};
}

std::string zone() {
  const std::string target = link_target("/etc/localtime");
  constexpr std::string_view kFolder = "zoneinfo/";
  if (const std::size_t at = target.find(kFolder); at != std::string::npos)
    return target.substr(at + kFolder.size());
  return line_of("/etc/timezone");
}

bool can_log_in(std::string_view shell) {
  return !shell.empty() && !shell.ends_with("/nologin") && !shell.ends_with("/false") &&
         !shell.ends_with("/sync");
}

std::string field_text(const char* bytes, std::size_t size) {
  return std::string(bytes, strnlen(bytes, size));
}

Json logged_in() {
  Json out = Json::array();
  const std::string file = slurp(exists("/run/utmp") ? "/run/utmp" : "/var/run/utmp");
  for (std::size_t at = 0; at + sizeof(utmpx) <= file.size(); at += sizeof(utmpx)) {
    utmpx entry;
    std::memcpy(&entry, file.data() + at, sizeof(entry));
    if (entry.ut_type != USER_PROCESS) continue;
    Json row;
    row.set("user", field_text(entry.ut_user, sizeof(entry.ut_user)));
    row.set("terminal", field_text(entry.ut_line, sizeof(entry.ut_line)));
    put(row, "from", field_text(entry.ut_host, sizeof(entry.ut_host)));
    row.set("since", iso_time(entry.ut_tv.tv_sec));
    out.push(std::move(row));
  }
  return out;
}

}  // namespace

void collect_os(Json& out, const Context&) {
  put_release(out);
  utsname names{};
  if (uname(&names) == 0) {
    out.set("family", names.sysname).set("architecture", names.machine);
    out.set("hostname", names.nodename);
    put(out, "fqdn", full_name(names.nodename));
  }
  put(out, "timezone", zone());
  put(out, "machine_id", line_of("/etc/machine-id"));
  put(out, "boot_id", line_of("/proc/sys/kernel/random/boot_id"));
  const std::string init = line_of("/proc/1/comm");
  put(out, "init", init);
}

void collect_users(Json& out, const Context&) {
  const std::string text = slurp("/etc/passwd");
  Json logins = Json::array();
  std::int64_t accounts = 0;
  for (const std::string_view line : lines(text)) {
    const auto f = fields(line, ':');
    if (f.size() < 7) continue;
    ++accounts;
    if (!can_log_in(trim(f[6]))) continue;
    Json row;
    row.set("name", f[0]).set("uid", integer(f[2]).value_or(-1));
    row.set("gid", integer(f[3]).value_or(-1)).set("home", f[5]).set("shell", trim(f[6]));
    logins.push(std::move(row));
  }
  Json sessions = logged_in();
  out.set("account_count", accounts);
  out.set("login_account_count", static_cast<std::int64_t>(logins.items().size()));
  out.set("login_accounts", std::move(logins));
  out.set("session_count", static_cast<std::int64_t>(sessions.items().size()));
  out.set("sessions", std::move(sessions));
}

void collect_time(Json& out, const Context&) {
  const std::time_t now = std::time(nullptr);
  out.set("utc", iso_time(now));
  std::tm local{};
  if (localtime_r(&now, &local) != nullptr)
    out.set("utc_offset_seconds", static_cast<std::int64_t>(local.tm_gmtoff));
  timex state{};
  const int clock = adjtimex(&state);
  if (clock >= 0) {
    const bool nano = (state.status & STA_NANO) != 0;
    out.set("synchronized", (state.status & STA_UNSYNC) == 0);
    out.set("offset_microseconds", std::int64_t{state.offset} / (nano ? 1000 : 1));
    out.set("max_error_microseconds", std::int64_t{state.maxerror});
  }
  put(out, "clock_source",
      line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource"));
  out.set("rtc", exists("/dev/rtc0") || exists("/dev/rtc"));
}

}  // namespace skep::facts
