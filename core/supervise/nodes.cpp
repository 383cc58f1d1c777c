#include "core/supervise/nodes.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "core/proc/monotonic.hpp"

namespace skep::supervise {

std::string exit_words(const proc::Exit& exit) {
  if (exit.signal == 0) return fmt::format("exited with code {}", exit.exit_code);
  const char* name = ::sigabbrev_np(exit.signal);
  return fmt::format("was ended by signal {} ({})", exit.signal, name == nullptr ? "?" : name);
}

Status Nodes::start(const NodeSpec& spec) {
  proc::Spec child;
  child.argv = spec.argv;
  child.env = spec.env;
  auto process = proc::Background::spawn(child, spec.log_path);
  if (!process) return process.error().within("start node " + spec.name);
  nodes_.push_back({spec.name, std::move(*process)});
  return {};
}

std::optional<EndedNode> Nodes::wait(Millis limit) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto exit = nodes_[i].process.poll(limit / nodes_.size());
    if (!exit) continue;
    EndedNode ended{std::move(nodes_[i].name), *exit};
    nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(i));
    return ended;
  }
  return std::nullopt;
}

std::vector<std::string> Nodes::stop(const std::vector<std::string>& names, Millis grace) {
  const MonoMs until = proc::monotonic_ms() + grace.count();
  const auto is_named = [&](const Node& node) {
    return std::find(names.begin(), names.end(), node.name) != names.end();
  };
  for (Node& node : nodes_)
    if (is_named(node)) node.process.signal(SIGTERM);
  std::vector<std::string> killed;
  for (Node& node : nodes_) {
    if (!is_named(node)) continue;
    if (node.process.poll(Millis{std::max<MonoMs>(0, until - proc::monotonic_ms())})) continue;
    node.process.stop(Millis{0});
    killed.push_back(node.name);
  }
  std::erase_if(nodes_, is_named);
  return killed;
}

std::vector<std::string> Nodes::names() const {
  std::vector<std::string> out;
  for (const Node& node : nodes_) out.push_back(node.name);
  return out;
}

pid_t Nodes::pid_of(const std::string& name) const {
  for (const Node& node : nodes_)
    if (node.name == name) return node.process.pid();
  return 0;
}

Result<std::vector<std::pair<std::string, ProcessId>>> Nodes::processes() const {
  std::vector<std::pair<std::string, ProcessId>> out;
  for (const Node& node : nodes_) {
    const auto id = identify(node.process.pid());
    if (!id && id.error().code != Code::kNotFound) return id.error();
    out.emplace_back(node.name, id ? *id : ProcessId{});
  }
  return out;
}

}  // namespace skep::supervise
