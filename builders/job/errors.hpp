// SPDX-License-Identifier: Apache-2.0
#pragma once
// The errors of the builders floor. what() is a sentence for the user: it names the step's subject
// and, where there is one, the command that mends it.
#include <stdexcept>
#include <string>

namespace builders {

class StepFailed : public std::runtime_error {  // the build cannot go on
    using std::runtime_error::runtime_error;
};
class HostNotReady : public std::runtime_error {  // this machine lacks something; names the command that mends it
    using std::runtime_error::runtime_error;
};
class NoSpace : public std::runtime_error {  // the disk cannot hold it; says both numbers
    using std::runtime_error::runtime_error;
};
class Cancelled : public std::runtime_error {
public:
    Cancelled() : std::runtime_error("cancelled") {}
};

}  // namespace builders
