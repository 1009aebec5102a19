#pragma once

#include <cstddef>
#include <string>

#include "cache/chunk_fates.h"
#include "predictor/hint_ledger.h"
#include "remote/object_store.h"

namespace augurfs {

// A file of which every other chunk had another fate has as many ranges as chunks; of more than
// this the first ones are told.
inline constexpr std::size_t kRangesToldMax = 1000;

// The document that `augurfs explain --json` prints; its names are a promise.
std::string explanation_json(const Version& version, const VersionFate& fate,
                             const HintLedger& ledger);

// The same document for a person to read. "" when it is no such document.
std::string explanation_text(const std::string& json);

}  // namespace augurfs
