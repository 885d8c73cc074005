/* The page's style and script, for page.c only. Colours have a contrast of at least
 * 4.5:1 on their ground; nothing is told by colour alone; nothing has a fixed width. */
#ifndef SIGRELAY_PROXY_RELAY_PAGE_PARTS_H
#define SIGRELAY_PROXY_RELAY_PAGE_PARTS_H

static const char PAGE_STYLE[] =
    ":root{--ground:#fff;--ink:#1b1f24;--faint:#57606a;--line:#d0d7de;--well:#116329;--ill:#a40e26;"
    "--link:#0550ae}"
    "@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--ink:#e6edf3;--faint:#9198a1;"
    "--line:#30363d;--well:#56d364;--ill:#ff7b72;--link:#79c0ff}}"
    "*{box-sizing:border-box}"
    "body{margin:0;padding:1rem;background:var(--ground);color:var(--ink);"
    "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:break-word}"
    "header,main,footer{max-width:72rem;margin:0 auto}"
    "h1{font-size:1.25rem;margin:0}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}"
    "#verdict p{font-size:1.25rem;margin:.5rem 0;padding:.5rem .75rem;border-left:.4rem solid}"
    ".well{color:var(--well)}.ill{color:var(--ill)}"
    "#live{color:var(--ill)}"
    "summary:focus-visible,a:focus-visible{"
    "outline:.15rem solid var(--link);outline-offset:.1rem}"
    "table{border-collapse:collapse;width:100%}"
    "caption{text-align:left;color:var(--faint);padding-bottom:.25rem}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;"
    "border-bottom:1px solid var(--line)}"
    "tbody th{font-weight:normal}tr.set th,tr.set td:nth-child(2){font-weight:bold}"
    "td{font-variant-numeric:tabular-nums;min-width:5rem}"
    "td,.events li{overflow-wrap:anywhere}"
    ".events{list-style:none;margin:0;padding:0;font-family:ui-monospace,monospace;font-size:.875rem}"
    ".events li{padding:.2rem 0;border-bottom:1px solid var(--line)}"
    ".events time{color:var(--faint)}.events li.ill span{color:var(--ink)}"
    "summary{cursor:pointer}a{color:var(--link)}footer{color:var(--faint);margin-top:2rem}"
    /* Narrow, or at 400 %: a row is a block, each cell below its column's name. */
    "@media(max-width:45rem){body{padding:.5rem}#verdict p{font-size:1.1rem}"
    "table,tbody,tr,th,td,caption{display:block;border:0;padding:0}"
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "tr{padding:.4rem 0;border-bottom:1px solid var(--line)}tbody th{font-weight:bold}"
    "td::before{content:attr(data-label) \": \";color:var(--faint)}}";

/* Fetches this page and takes over its parts. What a reader has opened, focused or
 * selected stays: a part is only touched when it changed, and the settings are left
 * alone. */
static const char PAGE_SCRIPT[] =
    "'use strict';(()=>{"
    "const parts=['verdict','services','waiting','saved','events'],live=document.getElementById('live');"
    "let failed=0;"
    "const take=async()=>{try{"
    "const a=await fetch('/',{cache:'no-store',signal:AbortSignal.timeout(4000)});"
    "if(!a.ok)throw new Error(a.status);"
    "const d=new DOMParser().parseFromString(await a.text(),'text/html');"
    "document.title=d.title;"
    "for(const id of parts){const now=document.getElementById(id),next=d.getElementById(id);"
    "if(now&&next&&now.innerHTML!==next.innerHTML&&!now.contains(document.activeElement)"
    "&&String(getSelection())==='')now.replaceChildren(...next.childNodes)}"
    "failed=0;live.hidden=true"
    "}catch(e){if(++failed>1){live.hidden=false;"
    "live.textContent='This relay does not answer: what is shown is old.'}}"
    "setTimeout(take,document.hidden?10000:2000)};"
    "setTimeout(take,2000)})()";

#endif
