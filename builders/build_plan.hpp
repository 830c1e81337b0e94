// SPDX-License-Identifier: Apache-2.0
#pragma once
// A recipe and its options with every value resolved: what will be done, in order, before anything
// is done. Pure: no clock, no host, no file. Golden files test it; its digest is the build's
// identity.
#include <string>
#include <vector>

#include "builders/build_options.hpp"
#include "formats/hardware.hpp"
#include "kickstart/parser.hpp"

namespace builders {

struct BuildPlan;   // builders/plan/…; to be completed by its author in this header

// Something the build does not do as the recipe says: ignored, or done in part. One line each of
// the build's report.
struct Note {
    int line = 0;
    std::string message;
};

struct PlanResult;  // { BuildPlan plan; std::vector<kickstart::Diagnostic> errors; std::vector<Note> notes; bool ok() }

}  // namespace builders
