// network
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <bit>
#include <map>
#include <memory>

#include "collectors.hpp"
#include "read.hpp"

namespace skep::facts {
namespace {

int prefix_length(const sockaddr* mask) {
  if (mask == nullptr) return 0;
  int bits = 0;
  if (mask->sa_family == AF_INET6) {
    for (const std::uint8_t byte : reinterpret_cast<const sockaddr_in6*>(mask)->sin6_addr.s6_addr)
      bits += std::popcount(byte);
    return bits;
  }
  return std::popcount(reinterpret_cast<const sockaddr_in*>(mask)->sin_addr.s_addr);
}

std::string address_text(const sockaddr* address) {
  char buffer[INET6_ADDRSTRLEN] = {};
  const void* bytes =
      address->sa_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr)
          : &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  return inet_ntop(address->sa_family, bytes, buffer, sizeof(buffer)) == nullptr ? "" : buffer;
}

std::map<std::string, Json> addresses() {
  struct Freer {
    void operator()(ifaddrs* list) const { freeifaddrs(list); }
  };
  std::map<std::string, Json> out;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return out;
  const std::unique_ptr<ifaddrs, Freer> owner(first);
  for (const ifaddrs* a = first; a != nullptr; a = a->ifa_next) {
    if (a->ifa_addr == nullptr) continue;
    const int family = a->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    out[a->ifa_name].push(address_text(a->ifa_addr) + "/" +
                          std::to_string(prefix_length(a->ifa_netmask)));
  }
  return out;
}

Json interface(const std::string& name, Json own_addresses) {
  const std::string folder = "/sys/class/net/" + name + "/";
  Json out;
  out.set("name", name);
  put(out, "mac", line_of(folder + "address"));
  put(out, "state", line_of(folder + "operstate"));
  put(out, "mtu_bytes", number_of(folder + "mtu"));
  if (const auto speed = number_of(folder + "speed"); speed.value_or(-1) > 0)
    out.set("speed_mbps", *speed);
  out.set("addresses", own_addresses.is_null() ? Json::array() : std::move(own_addresses));
  for (const char* counter : {"rx_bytes", "tx_bytes"})
    put(out, counter, number_of(folder + "statistics/" + counter));
  for (const char* counter :
       {"rx_packets", "tx_packets", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped"})
    put(out, (std::string(counter) + "_count").c_str(),
        number_of(folder + "statistics/" + counter));
  return out;
}

/// Iface Destination Gateway Flags RefCnt Use Metric Mask ..: numbers in hexadecimal, as in memory.
void put_default_route(Json& out) {
  const std::string text = slurp("/proc/net/route");
  for (const std::string_view line : lines(text)) {
    const auto w = words(line);
    if (w.size() < 8 || w[1] != "00000000" || w[7] != "00000000") continue;
    in_addr gateway{};
    gateway.s_addr = static_cast<in_addr_t>(integer(w[2], 16).value_or(0));
    char buffer[INET_ADDRSTRLEN] = {};
    Json route;
    route.set("interface", w[0]);
    if (gateway.s_addr != 0 && inet_ntop(AF_INET, &gateway, buffer, sizeof(buffer)) != nullptr)
      route.set("gateway", buffer);
    out.set("default_route", std::move(route));
    return;
  }
}

void put_resolver(Json& out) {
  Json servers = Json::array();
  Json domains = Json::array();
  const std::string text = slurp("/etc/resolv.conf");
  for (const std::string_view line : lines(text)) {
    const auto w = words(line);
    if (w.size() < 2) continue;
    if (w[0] == "nameserver") servers.push(w[1]);
    if (w[0] == "search" || w[0] == "domain")
      for (std::size_t i = 1; i < w.size(); ++i) domains.push(w[i]);
  }
  out.set("dns_servers", std::move(servers)).set("dns_search", std::move(domains));
}

struct Sockets {
  std::int64_t listening = 0;
  std::int64_t established = 0;
};

void count_sockets(const char* file, Sockets& sockets, const Context& context) {
  const std::string text = slurp(file);
  context.check();
  for (const std::string_view line : lines(text)) {
    const auto w = words(line.substr(0, 120));
    if (w.size() < 4) continue;
    sockets.established += w[3] == "01";
    sockets.listening += w[3] == "0A";
  }
}

}  // namespace

void collect_network(Json& out, const Context& context) {
  auto all = addresses();
  Json interfaces = Json::array();
  for (const std::string& name : names_in("/sys/class/net")) {
    context.check();
    if (!exists("/sys/class/net/" + name + "/mtu")) continue;  // bonding_masters is a file
    interfaces.push(interface(name, std::move(all[name])));
  }
  out.set("interface_count", static_cast<std::int64_t>(interfaces.items().size()));
  out.set("interfaces", std::move(interfaces));
  put_default_route(out);
  put_resolver(out);
  Sockets sockets;
  count_sockets("/proc/net/tcp", sockets, context);
  count_sockets("/proc/net/tcp6", sockets, context);
  out.set("listening_tcp_count", sockets.listening);
  out.set("established_tcp_count", sockets.established);
}

}  // namespace skep::facts
