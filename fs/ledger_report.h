#pragma once

#include <span>
#include <string>

#include "predictor/hint_ledger.h"
#include "predictor/shadow.h"

namespace augurfs {

// The document that `augurfs prefetch report --json` prints; its names are a promise. The lines,
// and under "total" their sum; under "shadow" the same of the shadow, if it has anything to tell:
// `verdict`, and by name in `shadow_lines`.
std::string ledger_json(std::span<const HintLedger::Line> lines, const ShadowVerdict& verdict = {},
                        std::span<const HintLedger::Line> shadow_lines = {});

// The same document as a table. "" when it is no such document.
std::string ledger_text(const std::string& json);

}  // namespace augurfs
