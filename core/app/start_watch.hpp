// A start that hangs, in the folder of a disk that does not answer, ends by a signal all the same.
#pragma once

#include <functional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/mutex.hpp"
#include "core/base/service.hpp"

namespace skep::app {

/// While one lives, SIGTERM and SIGINT, which every thread has blocked and nobody reads yet, get so
/// much `patience`: then `give_up` is called with the number, on a thread of its own, and does not
/// return. They stay pending, so that whoever reads them later has them.
class StartWatch final : public Service {
 public:
  StartWatch(Millis patience, std::function<void(int)> give_up);
  ~StartWatch() override;

 private:
  void run(std::stop_token stop) override;

  Mutex mutex_;
  StoppableCondVar ended_;
  const Millis patience_;
  const std::function<void(int)> give_up_;
};

}  // namespace skep::app
