// What a configuration means to a role, of the keys that may change while it runs.
#pragma once

#include "core/config/config.hpp"
#include "core/control/control.hpp"
#include "core/plugin/registry.hpp"
#include "core/worker/settings.hpp"

namespace skep::app {

control::ControlOptions control_options(const config::Config::Control& control);
worker::Settings worker_settings(const config::Config::Worker& worker);
plugin::DrainLimits drain_limits(const config::Config::Plugins& plugins);

}  // namespace skep::app
