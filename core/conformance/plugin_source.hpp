// A plugin's component as the source of a kind's cases, behind the adapter that the host uses.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "core/conformance/control_plane.hpp"
#include "core/conformance/kind_case.hpp"
#include "core/conformance/plugin_under_test.hpp"
#include "core/plugin/adapters/route_call.hpp"

namespace skep::conformance {

/// The subject with settings for a component on `folder`: {new} in them is a word of the folder's
/// own, `settings` come on top.
Subject on_folder(const Subject& subject, const std::string& folder, const json::object& settings);
/// Does the manifest name the setting?
bool has_setting(const Subject& subject, std::string_view setting);

/// One opened component with the subject that it refers to.
struct Opened {
  explicit Opened(Subject s)
      : subject(std::move(s)), instance(subject, Instance::State::kStarted) {}
  Subject subject;
  Instance instance;
};

/// From now on the control plane answers the HTTP of the component.
void answer_http(Opened& opened, ControlPlane& plane);
/// Is skep.svc.http what the component cannot do without?
bool needs_http(const Subject& subject);

/// `subject` must outlast it. The working folder becomes that of the component opened last.
template <class Port, class Adapter>
Source<Port> plugin_source(const Subject& subject) {
  auto last = std::make_shared<std::weak_ptr<Opened>>();
  Source<Port> out;
  out.name = subject.component->name;
  out.seed = static_cast<std::uint32_t>(subject.seed);
  if constexpr (std::is_same_v<Port, ports::Heartbeat>) {
    out.control_plane = std::make_shared<ControlPlane>();
    out.needs_http = needs_http(subject);
  }
  out.open = [&subject, last, plane = out.control_plane](const std::string& folder,
                                                         const json::object& settings) {
    std::filesystem::current_path(folder);
    auto opened = std::make_shared<Opened>(on_folder(subject, folder, settings));
    *last = opened;
    if (plane != nullptr) answer_http(*opened, *plane);
    const Instance& instance = opened->instance;
    auto route = plugin::fixed_route(instance.iface(), instance.handle(),
                                     [opened]() mutable { opened.reset(); });
    return Result<std::unique_ptr<Port>>(std::make_unique<Adapter>(std::move(route)));
  };
  out.has = [&subject](std::string_view setting) { return has_setting(subject, setting); };
  out.drain = [last] {
    if (const auto opened = last->lock())
      must(opened->instance.plugin().drain(opened->instance.handle()), "drain()");
  };
  return out;
}

}  // namespace skep::conformance
