#include <algorithm>
#include <stdexcept>

#include "core/base/text.hpp"
#include "core/net/http.hpp"

namespace skep::net {
namespace {

constexpr std::string_view kVersionPrefix = "/api/v1";

bool is_parameter(std::string_view part) {
  return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

/// The parts between slashes, of the canonical path: no version, no trailing slash.
std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  const std::string_view after = path.substr(std::min(kVersionPrefix.size(), path.size()));
  if (path.starts_with(kVersionPrefix) && (after.empty() || after.front() == '/')) {
    parts.push_back("api");
    path = after;
  }
  if (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string path;
  for (const std::string_view part : parts) path.append("/").append(part);
  return path.empty() ? "/" : path;
}

}  // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)), nodes_(1) {
  for (std::size_t row = 0; row < routes_.size(); ++row) insert(row);
}

void Router::insert(std::size_t row) {
  const Route& route = routes_[row];
  const Parts parts = parts_of(route.path);
  if (joined(parts) != route.path)
    throw std::logic_error("route path is not canonical: " + std::string(route.path));
  std::size_t at = 0;
  for (const std::string_view part : parts) {
    const auto known = nodes_[at].literals.find(part);
    std::size_t next = is_parameter(part)                   ? nodes_[at].parameter
                       : known == nodes_[at].literals.end() ? 0
                                                            : known->second;
    if (next == 0) {
      next = nodes_.size();
      if (is_parameter(part))
        nodes_[at].parameter = next;
      else
        nodes_[at].literals.emplace(part, next);
      nodes_.emplace_back();
    }
    at = next;
  }
  for (const std::size_t other : nodes_[at].rows)
    if (routes_[other].method == route.method)
      throw std::logic_error("two routes for " + std::string(route.method) + " " +
                             std::string(route.path));
  nodes_[at].rows.push_back(row);
}

const Router::Node* Router::find(std::size_t node, const Parts& parts, std::size_t depth,
                                 Parts& values) const {
  const Node& here = nodes_[node];
  if (depth == parts.size()) return here.rows.empty() ? nullptr : &here;
  if (const auto it = here.literals.find(parts[depth]); it != here.literals.end())
    if (const Node* found = find(it->second, parts, depth + 1, values)) return found;
  if (here.parameter == 0 || parts[depth].empty()) return nullptr;
  values.push_back(parts[depth]);
  const Node* found = find(here.parameter, parts, depth + 1, values);
  if (found == nullptr) values.pop_back();
  return found;
}

RouteMatch Router::match(std::string_view method, std::string_view path) const {
  RouteMatch out;
  if (!path.starts_with('/')) return out;
  Parts values;
  const Node* node = find(0, parts_of(path), 0, values);
  if (node == nullptr) return out;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const std::size_t row : node->rows) {
    const Route& route = routes_[row];
    if (route.method == wanted) out.route = &route;
    out.allowed.push_back(route.method);
    if (route.method == "GET") out.allowed.push_back("HEAD");
  }
  if (out.route == nullptr) {
    std::sort(out.allowed.begin(), out.allowed.end());
    return out;
  }
  out.allowed.clear();
  auto value = values.begin();
  for (const std::string_view part : parts_of(out.route->path))
    if (is_parameter(part)) out.params.emplace(part.substr(1, part.size() - 2), *value++);
  return out;
}

std::string Router::nearest_path(std::string_view path) const {
  const Parts asked = parts_of(path);
  std::vector<std::string> candidates;
  for (const Route& route : routes_) {
    Parts parts = parts_of(route.path);
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (is_parameter(parts[i]) && i < asked.size() && !asked[i].empty()) parts[i] = asked[i];
    candidates.push_back(joined(parts));
  }
  return nearest(joined(asked), candidates);
}

}  // namespace skep::net
