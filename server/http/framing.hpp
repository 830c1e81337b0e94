// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a request ends (RFC 9112). A proxy before us and we must see the same requests in the same bytes, or one
// client's bytes become another one's request ("request smuggling"). So whatever two readers may understand differently
// is refused and the connection closed, also where the RFC would let us mend it. Beast mends in silence, or takes a
// transfer coding it does not know for none; what it does not refuse is refused here. Of bodies in chunks it refuses
// all that it should.
#include <boost/beast/http/fields.hpp>
#include <cstddef>
#include <string>
#include <string_view>

namespace server::http {

// Reads a head's bytes as they come, none twice.
class HeadCheck {
public:
    enum class State { more, whole, wrong };
    // `all`: everything of the head so far, and perhaps what follows it.
    State look(std::string_view all);
    const std::string& wrong() const { return wrong_; }  // a sentence; empty: nothing

private:
    State refuse(const char* why);
    std::size_t place_ = 0, line_ = 0;   // what was looked at, where the present line begins
    bool first_ = true, named_ = false;  // the request line; the present line has its colon
    std::string wrong_;
};

// What is wrong with how the head says its length, its version or its host; empty: nothing. `version`: 11 is HTTP/1.1.
std::string framing_error(const boost::beast::http::fields& fields, unsigned version);

}  // namespace server::http
