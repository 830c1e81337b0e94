// SPDX-License-Identifier: Apache-2.0
#pragma once
// What POST /v1/conversions asks for. The API reads it to name every mistake at once, the worker reads the same JSON
// again to do it.
#include <boost/json.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "formats/image/conversion.hpp"

namespace worker {

struct ConversionSource {
    enum class Kind { upload, artifact, url } kind = Kind::upload;
    std::string upload;              // its id
    std::string release, file_name;  // of an artifact
    std::string url, sha256;         // sha256 may be empty
    std::string described() const;   // for people and reports; of an address without its query, where keys may stand
};

struct ConversionRequest {
    ConversionSource source;
    std::optional<formats::Format> from;
    std::size_t disk = 0;  // from 1; 0: all
    std::vector<formats::OutputKind> outputs;
    std::string name;
    formats::HardwareWish hardware;
    bool nested = false;
};

struct ReadConversion {
    ConversionRequest request;        // of use only without errors
    std::vector<std::string> errors;  // each a sentence that begins with the member it speaks of
};

// Its release and title: what the service expects, and the worker calls it. `source` is the name of the source's file.
std::string conversion_release(const ConversionRequest& request, const std::string& date);
std::string conversion_title(const ConversionRequest& request, const std::string& source);

ReadConversion read_conversion(const boost::json::object& body);

}  // namespace worker
