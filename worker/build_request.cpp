// SPDX-License-Identifier: Apache-2.0
#include "worker/build_request.hpp"

#include "builders/job/errors.hpp"

namespace worker {

namespace json = boost::json;

builders::BuildOptions options_of(const json::object& request) {
    builders::BuildOptions options;
    for (const auto& [key, value] : request.at("options").as_object()) {
        const auto set = [&, name = std::string(key)](const json::value& one) {
            if (const auto wrong = set_option(options, name, json::value_to<std::string>(one)))
                throw builders::StepFailed(*wrong);
        };
        if (value.is_array())
            for (const json::value& one : value.as_array()) set(one);
        else
            set(value);
    }
    return options;
}

}  // namespace worker
