// SPDX-License-Identifier: Apache-2.0
#pragma once
// What makes an image start and run well under Xen, checked on a disk that is mounted: a build's before it is
// published, or somebody's. Each finding has the id of docs/readiness.md. It changes nothing.
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "builders/guest/guest.hpp"
#include "builders/packages/family.hpp"
#include "builders/plan/boot_table.hpp"

namespace builders::readiness {

// What the disks shall do.
struct Wanted {
    const packages::Family& family;  // of the system on them
    bool boots = true;               // by themselves; else only identity and the like is looked at
    formats::Mode mode = formats::Mode::pvhvm;
    formats::Firmware firmware = formats::Firmware::bios;  // of the machine, where it has one
    Layout layout = Layout::mbr;                           // of the disks; never automatic
    std::optional<BootRefusal> refusal;                    // why such disks do not start in this mode
};
Wanted wanted_of(const BuildPlan& plan, const packages::Family& family);

struct Finding {
    std::string id;  // "K3"
    bool passed = false;
    std::string message;              // what was found, with the file
    std::optional<std::string> mend;  // what would help, of one that did not pass, where that is known
};

std::vector<Finding> check(const Wanted& wanted, Guest& guest);

std::string text_of(const Finding& finding);          // "K3 …; …", one line
boost::json::object to_json(const Finding& finding);  // id, passed, message, and mend when there is one

}  // namespace builders::readiness
