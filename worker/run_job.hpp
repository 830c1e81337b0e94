// SPDX-License-Identifier: Apache-2.0
#pragma once
// The worker's half of a job: everything between <job>/request.json + recipe.ks or source and <job>/result.json
// + out/. Runs in a process of its own (xenkiln-worker), started by the service or by
// `xenkiln build`.
//
//   xenkiln-worker JOB_FOLDER
//
//   standard output  one JSON object a line: {"steps":[{"name","weight"},…]} once,
//                    {"step":NAME}, {"fraction":0.42}, {"log":TEXT}
//   standard input   a lifeline: when it closes, the worker's whole process group is killed
//   exit code        0: result.json is complete. 1: {"error":SENTENCE} was the last line
//
// Everything of the recipe or the source is read behind walls: build_walls.hpp, confine_conversion().
#include <filesystem>

#include "builders/run_build.hpp"
#include "worker/build_walls.hpp"
#include "worker/run_conversion.hpp"

namespace worker {

// What a job needs and only the worker is linked with.
struct Tools {
    builders::GuestFactory guests;
    Appliance appliance;  // that the guests run on
    Fetch fetch;          // of a conversion's address; may be empty, then there is none
};

int run_job(const std::filesystem::path& job_folder, const Tools& tools);

}  // namespace worker
