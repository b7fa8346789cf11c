// SPDX-License-Identifier: Apache-2.0
#include "program/status.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "alert/format.h"
#include "base/text.h"

namespace tld {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void Key(Writer& writer, std::string_view name) {
  writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}

void Text(Writer& writer, std::string_view name, std::string_view value) {
  Key(writer, name);
  std::string quoted;
  AppendJsonString(quoted, value);
  writer.RawValue(quoted.data(), quoted.size(), rapidjson::kStringType);
}

using Numbers = std::initializer_list<std::pair<std::string_view, std::uint64_t>>;

void Add(Writer& writer, const Numbers& numbers) {
  for (const auto& [key, value] : numbers) {
    Key(writer, key);
    writer.Uint64(value);
  }
}

void Object(Writer& writer, std::string_view name, const Numbers& numbers) {
  Key(writer, name);
  writer.StartObject();
  Add(writer, numbers);
  writer.EndObject();
}

/// Where something goes: what is wrong there, and its counters.
void Sink(Writer& writer, std::string_view name, std::string_view problem, const Numbers& numbers) {
  Key(writer, name);
  writer.StartObject();
  Text(writer, "problem", problem);
  Add(writer, numbers);
  writer.EndObject();
}

void Input(Writer& writer, const Pipeline& pipeline, const FrontCounters& front,
           std::size_t waiting) {
  const Pipeline::Counters& counters = pipeline.counters();
  const LineReader::Counters& lines = pipeline.line_counters();
  const Grouper::Counters& groups = pipeline.group_counters();
  Object(writer, "input",
         {{"bytes_read", front.bytes_read},
          {"bytes_judged", counters.bytes},
          {"lines", lines.lines},
          {"events", groups.events},
          {"events_judged", counters.judged},
          {"events_filtered", counters.filtered},
          {"events_own", counters.own},
          {"events_open", pipeline.open_events()},
          {"events_timed_out", groups.timed_out},
          {"queue_bytes", waiting},
          {"queue_peak", front.queue_peak}});
  Object(writer, "dropped",
         {{"lines_queue_full", front.lines_dropped},
          {"bytes_queue_full", front.bytes_dropped},
          {"bytes_sensor_lost", front.bytes_lost},
          {"alerts_sensor_lost", front.alerts_lost},
          {"syslog_lines_sensor_lost", front.syslog_lines_lost},
          {"lines_overlong", lines.overlong},
          {"lines_with_nul", lines.with_nul},
          {"lines_no_record", counters.not_records},
          {"events_truncated", groups.truncated},
          {"records_over_cap", groups.dropped_records},
          {"events_evaluated_early", groups.evicted},
          {"match_limits", pipeline.limit_hits()},
          {"events_forgotten", pipeline.windows().evictions()}});
}

void Destinations(Writer& writer, Output& output) {
  const Syslog::Counters& syslog = output.syslog().counters();
  Sink(writer, "syslog", output.syslog().problem(),
       {{"sent", syslog.sent},
        {"waiting", output.syslog().waiting()},
        {"dropped", syslog.dropped},
        {"suppressed", syslog.suppressed},
        {"held_back", output.repeats().held_back()}});
  const JsonFile::Counters& file = output.file().counters();
  const Store::Counters& store = output.store().counters();
  Sink(writer, "store", output.store().problem(),
       {{"stored", store.stored},
        {"waiting", output.store().pending()},
        {"lost", store.lost},
        {"removed", store.removed},
        {"removed_undelivered", store.removed_undelivered},
        {"removed_severe", store.removed_severe},
        {"set_aside", store.set_aside}});
  Object(writer, "file", {{"written", file.written}, {"failed", file.failed}});
}

void Remotes(Writer& writer, const RemoteWatch& watch) {
  Key(writer, "remotes");
  writer.StartObject();
  for (const RemoteWatch::One& one : watch.All()) {
    Sink(writer, one.name, one.state->problem.Get(),
         {{"queued", one.state->queued},
          {"delivered", one.state->delivered},
          {"failures", one.state->failures},
          {"unreadable", one.state->unreadable}});
  }
  writer.EndObject();
}

void Identity(Writer& writer, const StatusParts& parts) {
  const Recognizer::Counters& counters = parts.recognizer.counters();
  Key(writer, "identity");
  writer.StartObject();
  Add(writer, {{"programs", parts.recognizer.programs().all().size()},
               {"asked", counters.asked},
               {"avoided_directories", parts.recognizer.programs().avoided()},
               {"waiting", parts.recognizer.waiting()},
               {"recognized", counters.recognized}});
  for (std::size_t i = 0; i < kUnseenNames.size(); ++i) {
    Key(writer, kUnseenNames[i]);
    writer.Uint64(parts.recognizer.answers()[i]);
  }
  writer.EndObject();
}

void Kernel(Writer& writer, const WitnessCounters& witness) {
  if (witness.kernel != WitnessCounters::kKnown) {
    Key(writer, "kernel");
    writer.Null();
    return;
  }
  Object(writer, "kernel",
         {{"enabled", witness.kernel_enabled},
          {"auditd", witness.kernel_auditd},
          {"lost", witness.kernel_lost},
          {"backlog", witness.kernel_backlog},
          {"backlog_limit", witness.kernel_backlog_limit}});
}

}  // namespace

void Latency::Add(std::int64_t us) {
  ++alerts;
  last_us = us;
  max_us = std::max(max_us, us);
  sum_us += us;
}

std::string StatusJson(const StatusParts& parts, const Pipeline& pipeline, Output& output,
                       const FrontCounters& front) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  Text(writer, "version", TLD_VERSION);
  Text(writer, "instance", output.sender().InstanceText());
  Text(writer, "host", output.sender().host);
  Text(writer, "started", Timestamp(parts.started_us));
  Key(writer, "pid");
  writer.Int64(parts.pid);
  Add(writer, {{"sensor_starts", front.sensor_starts},
               {"courier_starts", front.courier_starts},
               {"witness_starts", front.witness_starts}});
  Key(writer, "landlock");
  writer.Int(parts.landlock);
  Key(writer, "degraded");
  writer.StartArray();
  for (const std::string& reason : parts.degraded) {
    std::string quoted;
    AppendJsonString(quoted, reason);
    writer.RawValue(quoted.data(), quoted.size(), rapidjson::kStringType);
  }
  writer.EndArray();
  const Policy& policy = pipeline.policy();
  Object(writer, "policy",
         {{"generation", policy.generation},
          {"rules", policy.ruleset.rules.size()},
          {"lists", policy.ruleset.lists.size()}});
  Input(writer, pipeline, front, parts.waiting);
  Object(writer, "alerts", {{"answers", parts.alerts}, {"seq", output.last_seq()}});
  Destinations(writer, output);
  Remotes(writer, parts.remotes);
  Identity(writer, parts);
  Kernel(writer, parts.witness);
  const auto alerts = static_cast<std::int64_t>(parts.latency.alerts);
  Object(writer, "latency_us",
         {{"last", static_cast<std::uint64_t>(parts.latency.last_us)},
          {"mean", static_cast<std::uint64_t>(alerts == 0 ? 0 : parts.latency.sum_us / alerts)},
          {"max", static_cast<std::uint64_t>(parts.latency.max_us)}});
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace tld
