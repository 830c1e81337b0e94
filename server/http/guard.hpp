// SPDX-License-Identifier: Apache-2.0
#pragma once
// Until there are tokens, whoever reaches the service may build. It listens on loopback only, and a
// browser on the same machine must not be made to speak for a foreign page.
#include <map>
#include <string>

namespace server::http {

// Throws std::invalid_argument, naming the address, unless it is a loopback address.
void require_loopback(const std::string& address);

// What is wrong with a request that a foreign web page may have caused: a Host that is not ours (DNS
// rebinding), or an Origin that is not ours on a request that changes something. Empty: nothing.
// Header names are in lower case. `public_url` is where users reach us.
std::string foreign(const std::string& method, const std::map<std::string, std::string>& headers,
                    const std::string& public_url);

}  // namespace server::http
