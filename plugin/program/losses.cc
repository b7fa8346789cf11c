// SPDX-License-Identifier: Apache-2.0
#include "program/losses.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace tld {
namespace {

struct Loss {
  std::uint64_t LossCounts::*count;
  Notice notice;
  std::string_view text;
};

constexpr Loss kLosses[] = {
    {&LossCounts::input_dropped, Notice::kInputDropped,
     "lines were dropped since the queue was full"},
    {&LossCounts::sensor_lost, Notice::kSensorLost,
     "bytes of records were lost when the sensor died"},
    {&LossCounts::unstored_lost, Notice::kSensorLost,
     "alerts were not stored yet when the sensor died"},
    {&LossCounts::unsent_lost, Notice::kSensorLost, "lines waited for syslog when the sensor died"},
    {&LossCounts::lines_overlong, Notice::kInputCut, "lines were longer than 16 KiB and dropped"},
    {&LossCounts::events_truncated, Notice::kInputCut,
     "events lost records to a cap and are marked truncated"},
    {&LossCounts::events_early, Notice::kInputCut,
     "events were evaluated before their end, since too many were open"},
    {&LossCounts::syslog_dropped, Notice::kOutputDropped,
     "lines for syslog were dropped since it took none"},
    {&LossCounts::file_failed, Notice::kOutputDropped,
     "documents could not be written to the alert file"},
    {&LossCounts::store_lost, Notice::kOutputDropped,
     "alerts could not be stored and are lost to the search"},
    {&LossCounts::stores_set_aside, Notice::kDegraded,
     "alert stores were damaged, set aside as .corrupt and begun anew"},
    {&LossCounts::removed_undelivered, Notice::kUndelivered,
     "alerts went out of the full store before all remotes had them"},
    {&LossCounts::removed_severe, Notice::kStoreFull,
     "alerts of level 7 and up went before their time, since the store is full of such"},
    {&LossCounts::unreadable, Notice::kUndelivered,
     "stored alerts could not be read and were not sent"},
    {&LossCounts::match_limits, Notice::kMatchLimit,
     "pattern matches were given up at their limit and count as none"},
    {&LossCounts::events_forgotten, Notice::kMemoryFull,
     "events were forgotten before composite rules were done with them"},
    {&LossCounts::sensor_deaths, Notice::kRoleDied, "times the sensor ended and was started again"},
    {&LossCounts::courier_deaths, Notice::kRoleDied,
     "times the courier ended and was started again; what it had is sent once more"},
    {&LossCounts::witness_deaths, Notice::kRoleDied,
     "times the witness ended and was started again"},
    {&LossCounts::unwitnessed, Notice::kUnwitnessed,
     "programs could not be looked at by the witness; 'tldctl status' says why"},
};

}  // namespace

std::vector<News> LossWatch::Tell(const LossCounts& counts) {
  std::vector<News> news;
  for (const Loss& loss : kLosses) {
    const std::uint64_t now = counts.*loss.count;
    std::uint64_t& told = told_.*loss.count;
    if (now == told) continue;
    const std::uint64_t grown = now - std::min(now, told);
    told = now;
    // A count that begins anew, as that of a courier does, is no loss.
    if (grown == 0) continue;
    news.push_back({loss.notice, std::to_string(grown) + ' ' + std::string(loss.text) + ", " +
                                     std::to_string(now) + " in all"});
  }
  return news;
}

}  // namespace tld
