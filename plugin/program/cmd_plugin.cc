// SPDX-License-Identifier: Apache-2.0
// tldctl reload and tldctl status: what is asked of the running plugin.
#include <rapidjson/document.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>

#include "base/text.h"
#include "program/command.h"
#include "program/control.h"
#include "program/kernel_audit.h"

namespace tld {
namespace {

using Json = rapidjson::Value;

std::string SocketOf(const CommonOptions& common) { return common.Settings().control_socket(); }

/// A member of an object, or null; also of what is none: the socket's other end may be anybody.
const Json* Member(const Json& object, const char* name) {
  return object.IsObject() && object.HasMember(name) ? &object[name] : nullptr;
}

std::string TextOf(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  if (member == nullptr || !member->IsString()) return {};
  return {member->GetString(), member->GetStringLength()};
}

std::size_t NumberOf(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  return member != nullptr && member->IsUint64() ? member->GetUint64() : 0;
}

/// The diagnostics of an answer as lines, as the plugin found them.
void PrintDiagnostics(const Json& answer) {
  const Json* list = Member(answer, "diagnostics");
  if (list == nullptr || !list->IsArray()) return;
  for (const Json& d : list->GetArray()) {
    if (!d.IsObject()) continue;
    std::string line = TextOf(d, "file") + ':' + std::to_string(NumberOf(d, "line")) + ':' +
                       std::to_string(NumberOf(d, "column")) + ": " + TextOf(d, "severity") + ": " +
                       TextOf(d, "message");
    if (const std::string rule = TextOf(d, "rule"); !rule.empty()) line += " [rule " + rule + ']';
    std::fprintf(stderr, "%s\n", Shown(line).c_str());
  }
}

/// Sections and numbers of a status, a line each.
void PrintObject(const std::string& prefix, const Json& object) {
  for (const auto& member : object.GetObject()) {
    const std::string name = prefix + member.name.GetString();
    const Json& value = member.value;
    if (value.IsObject()) {
      PrintObject(name + '.', value);
    } else if (value.IsUint64()) {
      std::printf("%-32s %llu\n", name.c_str(), static_cast<unsigned long long>(value.GetUint64()));
    } else if (value.IsString()) {
      std::printf("%-32s %s\n", name.c_str(), Shown(value.GetString()).c_str());
    } else if (value.IsArray()) {
      if (value.Empty()) std::printf("%-32s no\n", name.c_str());
      for (const Json& item : value.GetArray()) {
        if (item.IsString())
          std::printf("%-32s %s\n", name.c_str(), Shown(item.GetString()).c_str());
      }
    }
  }
}

/// Where the plugin may not ask what the kernel itself has lost, root may.
void PrintKernel() {
  const std::optional<audit_status> status = KernelAuditStatus();
  if (!status) return;
  std::printf("%-32s %u\n%-32s %u\n", "kernel.lost", status->lost, "kernel.backlog",
              status->backlog);
}

}  // namespace

int ReloadPlugin(const CommonOptions& common, bool quiet_without_plugin) {
  const Result<std::string> answer = AskPlugin(SocketOf(common), "reload");
  if (!answer && quiet_without_plugin) {
    return Complain(answer.message() + "; the change counts from its next start or reload on",
                    kGood);
  }
  if (!answer) return Complain(answer.message(), kMisuse);
  rapidjson::Document document;
  if (document.Parse(answer->c_str()).HasParseError() || !document.IsObject()) {
    return Complain("the plugin's answer is no JSON", kMisuse);
  }
  if (common.json) std::fputs(answer->c_str(), stdout);
  if (const std::string error = TextOf(document, "error"); !error.empty()) {
    return Complain(error, kFindings);
  }
  if (!common.json) PrintDiagnostics(document);
  const Json* ok = Member(document, "ok");
  const bool taken = ok != nullptr && ok->IsTrue();
  if (!taken) return Complain("reload refused; the old policy stays in force", kFindings);
  if (!common.json) std::printf("policy %zu is in force\n", NumberOf(document, "generation"));
  return kGood;
}

int RunReload(const CommonOptions& common) { return ReloadPlugin(common, false); }

namespace {

/// It runs as configured, and what is on this host takes its alerts.
bool IsGood(const Json& status) {
  for (const char* name : {"syslog", "store"}) {
    const Json* sink = Member(status, name);
    if (sink != nullptr && !TextOf(*sink, "problem").empty()) return false;
  }
  const Json* degraded = Member(status, "degraded");
  return degraded == nullptr || !degraded->IsArray() || degraded->Empty();
}

}  // namespace

int RunStatus(const CommonOptions& common) {
  const Result<std::string> answer = AskPlugin(SocketOf(common), "status");
  if (!answer) return Complain(answer.message(), kMisuse);
  rapidjson::Document document;
  if (document.Parse(answer->c_str()).HasParseError() || !document.IsObject()) {
    return Complain("the plugin's answer is no JSON", kMisuse);
  }
  if (common.json) {
    std::fputs(answer->c_str(), stdout);
  } else {
    PrintObject("", document);
    const Json* kernel = Member(document, "kernel");
    if (geteuid() == 0 && (kernel == nullptr || kernel->IsNull())) PrintKernel();
  }
  return IsGood(document) ? kGood : kFindings;
}

}  // namespace tld
