// What components are made of: the vendored preact and htm under one name.
import htm from "/static/vendor/htm/htm.module.js";

export const { h, render, Fragment } = window.preact;
export const { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } =
  window.preactHooks;
export const html = htm.bind(h);
