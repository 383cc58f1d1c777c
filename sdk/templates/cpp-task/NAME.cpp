#include <skep/task.hpp>

struct @CLASS@ : skep::Task {
  skep_rc run(skep::Call& call) override {
    const std::string greeting = "hello " + std::string(call.params()["name"].str());
    call.out(greeting + "\n");
    return call.result(skep::Json::object({{"greeting", greeting}}));
  }
};
SKEP_TASK_PLUGIN(@CLASS@)
