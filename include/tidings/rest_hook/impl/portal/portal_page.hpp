// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::rest_hook::detail {

/// The frame of a portal's page, with `{title}` in the places of the title.
inline constexpr std::string_view portal_page = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http:%2F%2Fwww.w3.org%2F2000%2Fsvg' viewBox='0 0 16 16'%3E%3Ccircle cx='4' cy='8' r='3' fill='%230f766e'/%3E%3Cpath d='M8.5 3.5a6 6 0 0 1 0 9M11.5 1.5a9 9 0 0 1 0 13' fill='none' stroke='%230f766e' stroke-width='1.6' stroke-linecap='round'/%3E%3C/svg%3E">
<link rel="stylesheet" href="portal.css">
<link rel="stylesheet" href="theme.css">
<script type="module" src="main.js"></script>
</head>
<body>
<header class="top">
    <h1><a href="#/">{title}</a></h1>
    <p id="who"></p>
    <button type="button" id="leave" hidden>Sign out</button>
</header>
<div id="messages">
    <p id="notice" role="status"></p>
    <p id="problem" role="alert"></p>
</div>
<main id="content">
    <noscript><p class="empty">This page needs JavaScript.</p></noscript>
</main>
</body>
</html>
)html";

}  // namespace tidings::rest_hook::detail
