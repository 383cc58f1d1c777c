// .inflight: which items are being handled, so that one that ends the process each time it is
// handled is found and set aside.
//
// A process that dies leaves the names behind; the next start counts one crash against each. An
// item with one crash is then handled alone, so that only the culprit gets a second one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "posix_io.hpp"

namespace spool {

class Marker {
 public:
  static constexpr int kMaxCrashes = 2;

  /// Reads what the last process left. Not made durable: a power cut is nobody's crash.
  void open(int root);
  /// Items whose handling ended the process kMaxCrashes times.
  std::vector<std::string> culprits() const;
  bool is_suspect(const std::string& name) const { return crashes_.contains(name); }
  /// These are handled from now on, instead of those before.
  void begin(const std::vector<std::string>& names);
  /// This one survived.
  void settle(const std::string& name);
  void clear();

 private:
  void save();
  Fd file_;
  std::set<std::string> active_;
  std::map<std::string, int> crashes_;
};

}  // namespace spool
