// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/diagnostics.h"
#include "detect/rule_xml.h"

namespace tld {

/// Takes the `<var>` elements out of a file's roots and puts their values where `$NAME` stands in
/// the texts and attributes after them. A file without variables is left as it is.
void ExpandVariables(const SourceText& source, std::vector<XmlElement>& roots,
                     Diagnostics& diagnostics);

}  // namespace tld
