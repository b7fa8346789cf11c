// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "audit/event.h"

namespace tld {

/// True for the records of nearly every event, whose form is fixed (kernel/auditsc.c): words that
/// are `name=value`, and no blank in a value, since such values are hexadecimal. They are read
/// without libauparse, which took 57,000 instructions an event for them.
bool IsFixedForm(int type, std::string_view body);

/// Adds the fields of such a record to the event. `body` is part of the event's own text.
void AddFixedForm(int type, std::string_view body, Event& event);

}  // namespace tld
