// relative, as a proxy may have put us under a path; no badge of validator.swagger.io
SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
