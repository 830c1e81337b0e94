// SPDX-License-Identifier: Apache-2.0
#include "builders/network/curl_library.hpp"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace builders::network {
namespace {

template <class Function>
void load(void* library, const char* name, Function& into) {
    into = reinterpret_cast<Function>(::dlsym(library, name));
    if (!into) throw std::runtime_error(std::string("libcurl has no ") + name);
}

CurlLibrary load_curl() {
    void* const library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);  // for good
    if (!library) throw std::runtime_error(std::string("cannot load libcurl (package libcurl4): ") + ::dlerror());
    CurlLibrary curl;
    load(library, "curl_global_init", curl.global_init);
    load(library, "curl_easy_init", curl.easy_init);
    load(library, "curl_easy_reset", curl.easy_reset);
    load(library, "curl_easy_setopt", curl.easy_setopt);
    load(library, "curl_easy_getinfo", curl.easy_getinfo);
    load(library, "curl_easy_perform", curl.easy_perform);
    load(library, "curl_easy_cleanup", curl.easy_cleanup);
    load(library, "curl_easy_strerror", curl.easy_strerror);
    load(library, "curl_slist_append", curl.slist_append);
    load(library, "curl_slist_free_all", curl.slist_free_all);
    load(library, "curl_url", curl.url);
    load(library, "curl_url_set", curl.url_set);
    load(library, "curl_url_get", curl.url_get);
    load(library, "curl_url_cleanup", curl.url_cleanup);
    load(library, "curl_free", curl.free);
    const CURLcode started = curl.global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) throw std::runtime_error(std::string("libcurl: ") + curl.easy_strerror(started));
    return curl;
}

}  // namespace

const CurlLibrary& curl() {
    static const CurlLibrary library = load_curl();
    return library;
}

void end_easy(CURL* easy) {
    curl().easy_cleanup(easy);
}
void end_list(curl_slist* list) {
    curl().slist_free_all(list);
}
void end_url(CURLU* url) {
    curl().url_cleanup(url);
}

}  // namespace builders::network
