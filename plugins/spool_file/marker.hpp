// .inflight: which items are being handled, so that one that ends the process each time it is
// handled keeps nothing else back.
//
// A process that dies leaves the names behind; the next start counts one death against each. That
// proves nothing: kill -9, a full memory and a power cut hit whatever is under way. So nothing is
// condemned by it. A suspect is handled alone, after all others, and from its second death on only
// a while after the start, longer each time.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "posix_io.hpp"

namespace spool {

class Marker {
 public:
  /// Reads what the last process left. Not made durable: a power cut is nobody's crash.
  void open(int root);
  /// How many processes ended while they handled it, since it was last handled to its end.
  int deaths(const std::string& name) const;
  bool is_suspect(const std::string& name) const { return deaths(name) > 0; }
  /// Before this time after the start it is left alone.
  std::chrono::minutes pause(const std::string& name) const;
  /// These are handled from now on, instead of those before.
  void begin(const std::vector<std::string>& names);
  /// These survived, whatever became of them.
  void settle(std::span<const std::string> names);
  /// Forgets those for which `there` is false.
  void keep(const std::function<bool(const std::string&)>& there);
  /// Calls `tell` for each that has to wait.
  void each_waiting(const std::function<void(const std::string&, int deaths)>& tell) const;
  void clear();

 private:
  void save();
  Fd file_;
  std::set<std::string> active_;
  std::map<std::string, int> deaths_;
};

}  // namespace spool
