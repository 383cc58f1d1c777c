// security, virtualization
#include <algorithm>
#include <cctype>

#include "collectors.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

std::string container() {
  if (exists("/.dockerenv")) return "docker";
  if (exists("/run/.containerenv")) return "podman";
  const std::string environment = slurp("/proc/1/environ");
  constexpr std::string_view kName = "container=";
  for (std::size_t at = 0; at < environment.size();) {
    const std::size_t end = std::min(environment.find('\0', at), environment.size());
    const std::string_view variable = std::string_view(environment).substr(at, end - at);
    if (variable.starts_with(kName)) return std::string(variable.substr(kName.size()));
    at = end + 1;
  }
  const std::string groups = slurp("/proc/1/cgroup");
  for (const char* word : {"kubepods", "docker", "lxc", "containerd"})
    if (groups.find(word) != std::string::npos) return word;
  return {};
}

std::string dmi(const char* name) { return line_of(std::string("/sys/class/dmi/id/") + name); }

/// By what the firmware calls itself; "unknown" when only the processor tells.
std::string hypervisor() {
  if (std::string type = line_of("/sys/hypervisor/type"); !type.empty()) return type;
  const std::string names =
      dmi("sys_vendor") + " " + dmi("product_name") + " " + dmi("bios_vendor");
  constexpr std::pair<std::string_view, const char*> kNames[] = {{"QEMU", "qemu"},
                                                                 {"KVM", "kvm"},
                                                                 {"VMware", "vmware"},
                                                                 {"VirtualBox", "virtualbox"},
                                                                 {"innotek", "virtualbox"},
                                                                 {"Xen", "xen"},
                                                                 {"Amazon EC2", "amazon"},
                                                                 {"Google", "google"},
                                                                 {"Virtual Machine", "hyper-v"},
                                                                 {"Parallels", "parallels"},
                                                                 {"Bochs", "bochs"},
                                                                 {"OpenStack", "openstack"},
                                                                 {"DigitalOcean", "digitalocean"},
                                                                 {"Hetzner", "hetzner"}};
  for (const auto& [word, name] : kNames)
    if (names.find(word) != std::string::npos) return name;
  const std::string cpus = slurp("/proc/cpuinfo");
  return cpus.find(" hypervisor") != std::string::npos ? "unknown" : "";
}

void put_vulnerabilities(Json& out) {
  const std::string folder = "/sys/devices/system/cpu/vulnerabilities/";
  Json all = Json::object();
  for (const std::string& name : names_in(folder)) put(all, name.c_str(), line_of(folder + name));
  const auto& members = all.members();
  out.set("vulnerable_count",
          std::int64_t{std::count_if(members.begin(), members.end(), [](const Json::Member& m) {
            return m.second.str().starts_with("Vulnerable");
          })});
  out.set("vulnerabilities", std::move(all));
}

}  // namespace

void collect_virtualization(Json& out, const Context&) {
  const std::string engine = container();
  const std::string machine = hypervisor();
  out.set("is_container", !engine.empty()).set("is_virtual_machine", !machine.empty());
  put(out, "container", engine);
  put(out, "hypervisor", machine);
  put(out, "system_vendor", dmi("sys_vendor"));
  put(out, "product_name", dmi("product_name"));
  put(out, "bios_vendor", dmi("bios_vendor"));
  put(out, "bios_version", dmi("bios_version"));
  put(out, "board_name", dmi("board_name"));
}

void collect_security(Json& out, const Context&) {
  put(out, "security_modules", line_of("/sys/kernel/security/lsm"));
  out.set("apparmor", line_of("/sys/module/apparmor/parameters/enabled") == "Y");
  const auto selinux = number_of("/sys/fs/selinux/enforce");
  out.set("selinux", !selinux ? "absent" : *selinux == 1 ? "enforcing" : "permissive");
  put(out, "lockdown", line_of("/sys/kernel/security/lockdown"));
  put(out, "address_randomization", number_of("/proc/sys/kernel/randomize_va_space"));
  put(out, "ptrace_scope", number_of("/proc/sys/kernel/yama/ptrace_scope"));
  put(out, "unprivileged_bpf_disabled", number_of("/proc/sys/kernel/unprivileged_bpf_disabled"));
  out.set("fips", number_of("/proc/sys/crypto/fips_enabled") == 1);
  out.set("efi", exists("/sys/firmware/efi"));
  put_vulnerabilities(out);
}

}  // namespace skep::facts
