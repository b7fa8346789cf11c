// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.h"
#include "base/diagnostics.h"
#include "base/os.h"
#include "program/pipeline.h"
#include "program/policy.h"

/// What several tests need. Only for tests.
namespace tld::testing_support {

/// The checkout's top directory, where the programs under test were built, and the test data.
std::string Top();
std::string BuildDirectory();
std::string DataPath(const std::string& name);

/// A directory of its own, removed with all in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }
  /// Writes a file below it, making directories; returns its path.
  std::string Write(const std::string& name, std::string_view text) const;

 private:
  std::string path_;
};

/// A file's bytes; gunzipped when its name ends in .gz. A test that cannot read it fails.
std::string Slurp(const std::string& path);

/// The events of a log, decoded, in order.
std::vector<Event> ParseEvents(std::string_view log);
/// The only event of a log.
Event ParseEvent(std::string_view log);

/// All values of a field, joined by `|`.
std::string Values(const Event& event, std::string_view name);

/// A policy of these rules and lists (name, text), with what was found.
class TestPolicy {
 public:
  using Lists = std::vector<std::pair<std::string, std::string>>;
  explicit TestPolicy(std::string_view rules, const Lists& lists = {});
  /// The shipped rules and lists.
  static std::shared_ptr<const Policy> Shipped();

  std::shared_ptr<const Policy> policy() const { return loaded_.policy; }
  const Diagnostics& diagnostics() const { return loaded_.diagnostics; }
  const LoadedPolicy& loaded() const { return loaded_; }
  /// Where its `rules.xml` and `lists` are.
  const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
  LoadedPolicy loaded_;
};

/// A rule of these attributes and options in the group `g,`.
std::string RuleText(const std::string& attributes, const std::string& options = "");

/// Ids of the rules that answer the events of a log, in order; "-" for none.
std::vector<std::string> Answers(std::shared_ptr<const Policy> policy, std::string_view log);

/// `CODE SEVERITY LINE:COLUMN` of each finding.
std::vector<std::string> Codes(const Diagnostics& diagnostics);

/// An exec event as records: SYSCALL, EXECVE, CWD, two PATHs, PROCTITLE, EOE.
std::string ExecRecords(const std::string& comm, const std::string& exe, int serial = 7);

}  // namespace tld::testing_support
