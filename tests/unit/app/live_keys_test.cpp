// Every key that the table calls live changes what a running node goes by.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <functional>
#include <map>

#include "core/config/diff.hpp"
#include "core/config/keys.hpp"
#include "core/control/events/events.hpp"
#include "core/control/tasks/tasks.hpp"
#include "core/control/workers/workers.hpp"
#include "core/worker/settings.hpp"

namespace skep::app {
namespace {

using config::Config;
using config::Key;

/// A configuration in which this key alone has another value.
Config with_another(const Key& key) {
  Config c;
  const auto value = get(c, key);
  if (value.is_bool()) set(c, key, !value.get_bool());
  if (value.is_int64()) set(c, key, value.get_int64() + 1);
  if (value.is_double()) set(c, key, value.get_double() + 1);
  if (value.is_string()) set(c, key, "other");
  if (value.is_array()) {
    auto longer = value.get_array();
    longer.emplace_back("other");
    set(c, key, longer);
  }
  if (value.is_object()) c.worker.capabilities["docker"] = true;
  return c;
}

/// How a section's live keys reach what runs. [trust] is a guard of the Reloader.
const std::map<std::string_view, std::function<bool(const Config&)>> kReaches{
    {"control",
     [](const Config& c) {
       return control::task_settings(c) != control::task_settings(Config{}) ||
              control::worker_limits(c) != control::worker_limits(Config{}) ||
              control::worker_keep_ms(c) != control::worker_keep_ms(Config{}) ||
              control::artifact_settings(c) != control::artifact_settings(Config{}) ||
              control::event_limits(c) != control::event_limits(Config{}) ||
              c.events.events != Config{}.events.events;
     }},
    {"worker",
     [](const Config& c) {
       return worker::settings_of(c.worker) != worker::settings_of(Config{}.worker);
     }},
    {"log",
     [](const Config& c) { return c.log.format != Config{}.log.format || c.log.level == "other"; }},
    {"plugins",
     [](const Config& c) { return c.plugins.drain_seconds != Config{}.plugins.drain_seconds; }},
    {"node", [](const Config& c) { return !c.node.watch_config; }},
};

TEST(LiveKeys, each_reaches_what_it_is_for) {
  int seen = 0;
  for (const Key& key : config::keys()) {
    if (!key.live || key.section == "trust") continue;
    const auto reaches = kReaches.find(key.section);
    ASSERT_NE(reaches, kReaches.end()) << key.path() << " is live and nobody takes it";
    const Config taken = config::with_live(Config{}, with_another(key));
    EXPECT_TRUE(reaches->second(taken)) << key.path();
    ++seen;
  }
  EXPECT_GE(seen, 20);
}

TEST(LiveKeys, no_other_key_is_taken) {
  for (const Key& key : config::keys()) {
    if (key.live || get(Config{}, key).is_object()) continue;
    const Config next = with_another(key);
    if (get(next, key) == get(Config{}, key)) continue;  // lists
    const Config taken = config::with_live(Config{}, next);
    EXPECT_EQ(get(taken, key), get(Config{}, key)) << key.path();
    const auto left = config::diff(taken, next);
    ASSERT_EQ(left.size(), 1u) << key.path();
    EXPECT_EQ(left[0].key, key.path());
    EXPECT_FALSE(left[0].live);
  }
}

}  // namespace
}  // namespace skep::app
