// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "program/policy.h"

/// What there is to say of a policy that the plugin has loaded: pure functions.
namespace tld {

/// What a first load could not use; few lines, with the number of those left out.
std::vector<std::string> LoadProblems(const LoadedPolicy& loaded);

/// The first error with its place, or an empty text.
std::string FirstError(const LoadedPolicy& loaded);

/// Adds a warning, at the settings file, when settings differ from those of the start that a reload
/// does not take.
void NoteRestartSettings(const Config& was, const std::string& config_file, LoadedPolicy& loaded);

/// What a client that asked for a reload gets: one JSON object, one line.
std::string ReloadAnswer(bool taken, std::uint64_t generation, const Diagnostics& diagnostics);

}  // namespace tld
