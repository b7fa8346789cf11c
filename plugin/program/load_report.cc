// SPDX-License-Identifier: Apache-2.0
#include "program/load_report.h"

#include <algorithm>

namespace tld {
namespace {

constexpr std::size_t kMostProblems = 5;

}  // namespace

std::vector<std::string> LoadProblems(const LoadedPolicy& loaded) {
  std::vector<std::string> problems;
  std::size_t more = 0;
  for (const Diagnostic& d : loaded.diagnostics.all()) {
    if (d.severity != Severity::kError && d.code != "accepted-copy") continue;
    if (problems.size() < kMostProblems) {
      problems.push_back(RenderLine(d));
    } else {
      ++more;
    }
  }
  if (more > 0) problems.push_back("and " + std::to_string(more) + " more; see 'tldctl check'");
  if (loaded.skipped_rules > 0) {
    problems.push_back(std::to_string(loaded.skipped_rules) + " rules are skipped");
  }
  return problems;
}

std::string FirstError(const LoadedPolicy& loaded) {
  for (const Diagnostic& d : loaded.diagnostics.all()) {
    if (d.severity == Severity::kError) return RenderLine(d);
  }
  return {};
}

void NoteRestartSettings(const Config& was, const std::string& config_file, LoadedPolicy& loaded) {
  const Config& now = loaded.policy->config;
  const std::vector<std::string> known = was.WrittenDirectories();
  const std::vector<std::string> written = now.WrittenDirectories();
  std::string waiting;
  const auto note = [&](bool changed, const char* what) {
    if (changed) (waiting += waiting.empty() ? "" : ", ") += what;
  };
  note(was.user != now.user, "user");
  note(was.queue_bytes != now.queue_bytes, "queue");
  note(was.kernel_status != now.kernel_status, "kernel_status");
  note(!std::includes(known.begin(), known.end(), written.begin(), written.end()),
       "another directory to write to");
  note(now.AgentGroup() && now.AgentGroup() != was.AgentGroup(), "an agent's group");
  if (waiting.empty()) return;
  loaded.diagnostics.AddFile(config_file, {Severity::kWarning, "needs-restart",
                                           "waiting for a restart of auditd: " + waiting});
}

std::string ReloadAnswer(bool taken, std::uint64_t generation, const Diagnostics& diagnostics) {
  std::string answer = taken ? "{\"ok\":true" : "{\"ok\":false";
  answer += ",\"generation\":" + std::to_string(generation) + ",\"diagnostics\":[";
  for (const Diagnostic& d : diagnostics.all()) {
    if (answer.back() != '[') answer += ',';
    answer += RenderJson(d);
  }
  return answer + "]}";
}

}  // namespace tld
