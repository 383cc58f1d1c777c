// C++20 layer over skep.svc.node/1: where a plugin runs.
#ifndef SKEP_NODE_HPP
#define SKEP_NODE_HPP

#include <string>

#include "skep/json.hpp"
#include "skep/sink.hpp"
#include "skep/svc/node.h"

namespace skep {

struct NodeFacts {
  std::string node_id;
  std::string site;
  std::string mode;       ///< inproc, process, per-task, check
  std::string state_dir;  ///< the plugin's own folder, kept over upgrades; "" = there is none
  std::string plugin;
  std::string version;
};

/// Also in a constructor of a component. Needs "skep.svc.node/1" in the manifest's "requires".
/// [any]
inline NodeFacts node_facts() {
  TextSink answer;
  HostError error;
  error.check(
      need_service<skep_svc_node_v1>(SKEP_SVC_NODE).facts(host(), answer.sink(), error.out()));
  const Json facts = Json::parse(answer.take());
  const auto text_of = [&](const char* name) { return std::string(facts[name].str()); };
  return {text_of("node_id"),   text_of("site"),   text_of("mode"),
          text_of("state_dir"), text_of("plugin"), text_of("version")};
}

}  // namespace skep

#endif
