// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/rest_hook/impl/api_call.hpp>
#include <tidings/rest_hook/impl/hook_view.hpp>
#include <tidings/rest_hook/impl/portal/portal_files.hpp>
#include <tidings/rest_hook/impl/portal/portal_page.hpp>
#include <tidings/rest_hook/impl/portal/portal_scripts.hpp>
#include <tidings/rest_hook/impl/portal/portal_style.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::string_view page_type = "text/html; charset=utf-8";
constexpr std::string_view style_type = "text/css; charset=utf-8";
constexpr std::string_view script_type = "text/javascript; charset=utf-8";

std::string markup_of(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '<')
            out += "&lt;";
        else if (c == '&')
            out += "&amp;";
        else
            out += c;
    }
    return out;
}

std::string page_of(std::string_view title) {
    constexpr std::string_view mark = "{title}";
    const auto shown = markup_of(title);
    std::string page(portal_page);
    for (auto at = page.find(mark); at != page.npos; at = page.find(mark, at + shown.size()))
        page.replace(at, mark.size(), shown);
    return page;
}

// The page's files have names relative to its own, so that they follow it behind a proxy.
http::response with_a_slash(std::string_view path) {
    const auto last = path.substr(path.rfind('/') + 1);
    return {308, {{"Location", "./" + std::string(last) + '/'}}, {}};
}

}  // namespace

portal_files::portal_files(const portal_options& o) {
    add("/", std::string(page_type), page_of(o.title));
    add("/portal.css", std::string(style_type), std::string(portal_style));
    add("/theme.css", std::string(style_type), o.theme);
    for (const auto& [name, text] : portal_scripts)
        add(std::string(name), std::string(script_type), std::string(text));
}

void portal_files::add(std::string name, std::string type, std::string text) {
    auto tag = '"' + sha256_hex(text).substr(0, 16) + '"';
    files_.emplace(std::move(name), file{std::move(type), std::move(text), std::move(tag)});
}

http::fields portal_files::fields() {
    return {{"Content-Security-Policy",
             "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
             "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
             "require-trusted-types-for 'script'; trusted-types 'none'"},
            {"X-Content-Type-Options", "nosniff"},
            {"Referrer-Policy", "no-referrer"},
            {"Cross-Origin-Opener-Policy", "same-origin"},
            {"Cross-Origin-Resource-Policy", "same-origin"}};
}

http::response portal_files::answer(const http::exchange& x) const {
    const auto& r = x.request();
    if (r.method != "GET" && r.method != "HEAD") {
        auto no = http::problem(405, "Method not allowed", "GET, HEAD");
        no.fields.set("Allow", "GET, HEAD");
        return no;
    }
    if (x.suffix().empty()) return with_a_slash(r.path());
    const auto it = files_.find(x.suffix());
    if (it == files_.end()) return not_there();
    const auto& found = it->second;
    http::response answer{200, {{"Content-Type", found.type}}, found.text};
    if (is_known_tag(r.fields.joined("If-None-Match"), found.tag)) answer = {.status = 304};
    answer.fields.set("ETag", found.tag);
    answer.fields.set("Cache-Control", "no-cache");
    return answer;
}

}  // namespace tidings::rest_hook::detail
